/** Entry of the login page. */
import { mount } from "svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import { embedded, type AuthArgs } from "./api/templateArgs";
import LoginPage from "./login/LoginPage.svelte";

const target = document.getElementById("root");
if (target !== null) {
  const args = (embedded("authArgs") ?? {}) as AuthArgs;
  if (args.title) document.title = args.title;
  mount(LoginPage, { target, props: { args } });
}
