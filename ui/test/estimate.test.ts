import { describe as group, expect, it } from "vitest";
import { describe, hostHint, rampSeconds } from "../src/lib/estimate";

group("the estimate of the start form", () => {
  it("counts the steps of the ramp, the first at once", () => {
    expect(rampSeconds({ users: 100, spawnRate: 10, runTime: null })).toBe(9);
    expect(rampSeconds({ users: 10, spawnRate: 10, runTime: null })).toBe(0);
    expect(rampSeconds({ users: 3, spawnRate: 0.5, runTime: null })).toBe(4);
    expect(rampSeconds({ users: 20, spawnRate: 10, runTime: null, from: 50 })).toBe(2);
  });

  it("says when the users are there and how long they stay", () => {
    expect(describe({ users: 100, spawnRate: 10, runTime: 60 })?.text).toBe(
      "Reaches 100 users in 9 s, holds them for 51 s.",
    );
    expect(describe({ users: 1, spawnRate: 1, runTime: null })?.text).toBe(
      "Reaches 1 user immediately, runs until stopped.",
    );
  });

  it("knows that a run time of zero is none", () => {
    expect(describe({ users: 5, spawnRate: 5, runTime: 0 })?.text).toBe(
      "Reaches 5 users immediately, runs until stopped.",
    );
  });

  it("says where a change leads, up or down", () => {
    expect(describe({ users: 20, spawnRate: 10, runTime: null, from: 50 })?.text).toBe(
      "Falls to 20 users in 2 s.",
    );
    expect(describe({ users: 60, spawnRate: 10, runTime: null, from: 50 })?.text).toBe(
      "Reaches 60 users immediately.",
    );
  });

  it("warns of a run that ends before its ramp", () => {
    const estimate = describe({ users: 1000, spawnRate: 1, runTime: 60 });
    expect(estimate?.warning).toBe(true);
    expect(estimate?.text).toContain("about 61 of 1,000");
  });

  it("says nothing about what is no number", () => {
    expect(describe({ users: Number.NaN, spawnRate: 1, runTime: null })).toBeNull();
    expect(describe({ users: 5, spawnRate: 0, runTime: null })).toBeNull();
  });
});

group("the hint about the host", () => {
  it("is silent about a whole URL and about nothing", () => {
    expect(hostHint("https://example.com")).toBeNull();
    expect(hostHint("")).toBeNull();
    expect(hostHint("ws://example.com:81")).toBeNull();
    expect(hostHint("http://example.com/?a=/")).toBeNull();
  });

  it("tells of a slash that would be there twice", () => {
    expect(hostHint("http://127.0.0.1:5000/")).toContain("//");
  });

  it("names what is missing", () => {
    expect(hostHint("example.com")).toContain("https://example.com");
    for (const near of ["localhost:5000", "127.0.0.1", "192.168.1.7", "web:8080", "shop.example.com:8080"])
      expect(hostHint(near)).toContain(` http://${near}`);
    expect(hostHint("shop.example.com:8443")).toContain("https://shop");
    expect(hostHint("http://")).not.toBeNull();
    expect(hostHint("http://a b")).not.toBeNull();
  });
});
