/** What the buttons of the header do. */
import { client, message } from "../api/client";
import { plural } from "../lib/format";
import { confirmation } from "./confirmation.svelte";
import { live } from "./live.svelte";
import { toasts } from "./toasts.svelte";

class Actions {
  stopping = $state(false);
  resetting = $state(false);

  async stop(): Promise<void> {
    const yes = await confirmation.ask({
      title: "Stop the test?",
      text: `${plural(live.status.user_count, "user")} will be stopped. The figures stay.`,
      action: "Stop the test",
      danger: true,
    });
    if (!yes || !live.active) return;
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
      text: `The figures of ${plural(live.total.requests, "request")}, the failures and the charts so far are lost.`,
      action: "Reset",
      danger: true,
    });
    if (!yes) return;
    this.resetting = true;
    try {
      await client.reset();
      toasts.show("Statistics reset");
    } catch (error) {
      toasts.error(`The statistics could not be reset: ${message(error)}`);
    } finally {
      this.resetting = false;
    }
  }
}

export const actions = new Actions();
