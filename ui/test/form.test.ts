import { describe, expect, it } from "vitest";
import { templateArgs, type ExtraOption } from "../src/api/templateArgs";
import {
  memorable,
  problems,
  proposed,
  recall,
  shapeDecides,
  swarmForm,
  type FormValues,
} from "../src/start/form";

const option = (more: Partial<ExtraOption>): ExtraOption => ({
  default_value: null,
  choices: null,
  help_text: "",
  is_secret: false,
  is_required: false,
  is_multiple: false,
  ...more,
});

const args = templateArgs({
  host: "http://a",
  num_users: 5,
  extra_options: {
    http2: option({ default_value: true }),
    arg10: option({ default_value: 5 }),
    a_b_c: option({ default_value: "x", is_required: true }),
    regions: option({ default_value: ["eu"], choices: ["eu", "us"], is_multiple: true }),
    secret: option({ default_value: "", is_secret: true, is_required: true, has_value: true }),
  },
});

const pairs = (form: URLSearchParams) => [...form.entries()];

describe("the start form", () => {
  it("begins with what the server proposes", () => {
    expect(proposed(args)).toMatchObject({
      users: "5",
      spawnRate: "1",
      host: "http://a",
      runTime: "",
      classes: null,
    });
  });

  it("answers at the field to a host with which nothing could be sent", () => {
    const http = templateArgs({
      http_user_classes: ["Shopper", "Visitor"],
      user_classes_without_host: ["Visitor"],
    });
    const problem = (host: string, more: Partial<FormValues> = {}, from = http) =>
      problems(from, { ...proposed(from), host, ...more }, null)["host"];
    expect(problem(" ")).toBe("Visitor cannot send without a host");
    expect(problem("127.0.0.1:5000")).toBe("A host begins with http:// or https://");
    expect(problem("ftp://a")).toBe("A host begins with http:// or https://");
    expect(problem("http://")).toBe("A host begins with http:// or https://");
    for (const host of ["http://127.0.0.1:5000", "HTTPS://a/b"]) expect(problem(host)).toBeUndefined();
    // Whoever is not chosen needs nothing, and what is no HTTP may have any host.
    expect(problem("", { classes: ["Shopper"] })).toBeUndefined();
    expect(problem("", { classes: ["Shopper", "Visitor"] })).toBe("Visitor cannot send without a host");
    expect(problem("broker:1883", {}, templateArgs({}))).toBeUndefined();
    expect(problems(http, { ...proposed(http), host: "" }, null, true)["host"]).toBeUndefined();
  });

  it("sends every parameter under its own name, digits and single letters included", () => {
    const sent = pairs(swarmForm(args, proposed(args)));
    expect(sent).toContainEqual(["http2", "true"]);
    expect(sent).toContainEqual(["arg10", "5"]);
    expect(sent).toContainEqual(["a_b_c", "x"]);
    expect(sent).toContainEqual(["user_count", "5"]);
  });

  it("repeats the field of a list and leaves an empty secret out", () => {
    const values: FormValues = {
      ...proposed(args),
      extra: { ...proposed(args).extra, regions: ["eu", "us"] },
    };
    const form = swarmForm(args, values);
    expect(form.getAll("regions")).toEqual(["eu", "us"]);
    expect(form.has("secret")).toBe(false);
  });

  it("changes a running test without touching host, run time and classes", () => {
    const sent = pairs(swarmForm(args, proposed(args), true)).map(([key]) => key);
    expect(sent).not.toContain("host");
    expect(sent).not.toContain("run_time");
    expect(sent).toContain("arg10");
  });

  it("finds what is wrong before the server does", () => {
    const wrong = { value: null, problem: "no" };
    const read = { user_count: wrong, spawn_rate: wrong, run_time: wrong };
    expect(Object.keys(problems(args, proposed(args), read)).sort()).toEqual([
      "run_time",
      "spawn_rate",
      "user_count",
    ]);
    expect(problems(args, proposed(args), read, true)).not.toHaveProperty("run_time");
    expect(
      problems(args, { ...proposed(args), extra: { ...proposed(args).extra, a_b_c: "" } }, null),
    ).toHaveProperty("a_b_c");
    expect(problems(args, proposed(args), null)).toEqual({});
    const unset = templateArgs({
      extra_options: { key: option({ default_value: "", is_secret: true, is_required: true }) },
    });
    expect(problems(unset, proposed(unset), null)).toHaveProperty("key");
  });

  it("lets a shape decide about users and run time", () => {
    const shaped = templateArgs({ hide_common_options: true, num_users: null });
    expect(shapeDecides(shaped, proposed(shaped))).toBe(true);
    expect(swarmForm(shaped, proposed(shaped)).has("user_count")).toBe(false);
    const picker = templateArgs({
      show_userclass_picker: true,
      available_user_classes: ["A"],
      available_shape_classes: ["Default", "Steps"],
    });
    expect(shapeDecides(picker, { shape: "Default" })).toBe(false);
    expect(shapeDecides(picker, { shape: "Steps" })).toBe(true);
    const form = swarmForm(picker, { ...proposed(picker), shape: "Steps" });
    expect(form.get("shape_class")).toBe("Steps");
    expect(form.getAll("user_classes")).toEqual(["A"]);
  });
});

describe("the memory of the form", () => {
  const last: FormValues = {
    ...proposed(args),
    users: "200",
    host: "http://b",
    extra: { ...proposed(args).extra, arg10: "9", secret: "s3cret" },
  };

  it("brings the last values back", () => {
    const values = recall(args, memorable(args, last));
    expect(values.users).toBe("200");
    expect(values.extra["arg10"]).toBe("9");
  });

  it("yields to a server that was started with something else", () => {
    const restarted = templateArgs({ ...args, num_users: 50 });
    const values = recall(restarted, memorable(args, last));
    expect(values.users).toBe("50");
    expect(values.host).toBe("http://b");
  });

  it("keeps no secrets", () => {
    expect(JSON.stringify(memorable(args, last))).not.toContain("s3cret");
  });

  it("keeps no password of a URL", () => {
    const host = "http://shop:s3same@h";
    const extra = { ...last.extra, a_b_c: "amqp://u:s3same@b" };
    const memory = memorable(args, { ...last, host, extra });
    expect(JSON.stringify(memory)).not.toContain("s3same");
    expect(recall(args, memory).host).toBe("http://a");
    expect(recall(args, memorable(args, { ...last, host: "http://b/@x" })).host).toBe("http://b/@x");
  });

  it("drops a choice that is no more, and values of another kind", () => {
    const before = memorable(args, { ...last, extra: { ...last.extra, regions: ["us"] } });
    const fewer = templateArgs({
      ...args,
      extra_options: {
        ...args.extra_options,
        regions: { ...(args.extra_options["regions"] ?? option({})), choices: ["eu"] },
      },
    });
    expect(recall(fewer, before).extra["regions"]).toEqual(["eu"]);
    const otherKind = templateArgs({ ...args, extra_options: { http2: option({ default_value: "auto" }) } });
    expect(recall(otherKind, before).extra["http2"]).toBe("auto");
  });
});
