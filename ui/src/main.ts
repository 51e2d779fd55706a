/** Entry of the dashboard. */
import { mount } from "svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import App from "./App.svelte";
import { embedded, templateArgs } from "./api/templateArgs";
import { live } from "./stores/live.svelte";

const target = document.getElementById("root");
if (target !== null) {
  mount(App, { target, props: { args: templateArgs(embedded("templateArgs")) } });
  live.start();
}
