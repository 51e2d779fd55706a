/** Entry of the report: a file that opens without a server. */
import { mount } from "svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import { embedded } from "./api/templateArgs";
import Empty from "./components/Empty.svelte";
import { isReport } from "./report/args";
import ReportPage from "./report/ReportPage.svelte";
import { theme } from "./stores/theme.svelte";

const args = embedded("reportArgs");
const target = document.getElementById("root");
const dark = matchMedia("(prefers-color-scheme: dark)").matches;

if (target !== null) {
  if (isReport(args)) {
    theme.apply(args.theme ?? (dark ? "dark" : "light"));
    document.title = `Load test report ${args.run.summary.host ?? ""}`.trim();
    mount(ReportPage, { target, props: { args } });
  } else {
    mount(Empty, { target, props: { title: "This report has no data" } });
  }
}
