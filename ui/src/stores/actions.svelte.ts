/** What the buttons of the header do. */
import { client, message } from "../api/client";
import { plural } from "../lib/format";
import { confirmation } from "./confirmation.svelte";
import { live } from "./live.svelte";
import { router } from "./router.svelte";
import { toasts } from "./toasts.svelte";

class Actions {
  stopping = $state(false);
  resetting = $state(false);

  async stop(): Promise<void> {
    // Nothing is lost by it: whoever presses this is in a hurry.
    if (!live.active) return;
    this.stopping = true;
    try {
      await client.stop();
    } catch (error) {
      toasts.error(`The test could not be stopped: ${message(error)}`);
    } finally {
      this.stopping = false;
    }
  }

  async reset(): Promise<void> {
    const yes = await confirmation.ask({
      title: "Reset the statistics?",
      text: live.hasStore
        ? `The figures of ${plural(live.total.requests, "request")}, the failures and the charts begin anew. Those so far stay among the past runs.`
        : `The figures of ${plural(live.total.requests, "request")}, the failures and the charts so far are lost: this test was started with --no-store.`,
      action: "Reset",
      danger: !live.hasStore,
    });
    if (!yes) return;
    this.resetting = true;
    try {
      const kept = await client.reset();
      if (kept === null) toasts.show("Statistics cleared");
      else
        toasts.show("Statistics cleared", "info", {
          label: "Undo: open what was cleared",
          run: () => router.go("runs", { run: kept }),
        });
    } catch (error) {
      toasts.error(`The statistics could not be reset: ${message(error)}`);
    } finally {
      this.resetting = false;
    }
  }
}

export const actions = new Actions();
