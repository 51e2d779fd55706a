//! How the work is shared out among tasks.

use std::fmt::Write as _;

/// A User class, TaskSet or task with its share.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskShare {
    /// Class or function name.
    pub name: String,
    /// Share, 0..=1: of the parent, or of everything.
    pub ratio: f64,
    /// Tasks of a TaskSet.
    pub tasks: Vec<TaskShare>,
}

/// Lines of one tree: percent, then the name two blanks deeper per level.
pub fn lines(shares: &[TaskShare]) -> Vec<String> {
    let mut out = Vec::new();
    add_lines(&mut out, shares, 0);
    out
}

fn add_lines(out: &mut Vec<String>, shares: &[TaskShare], level: usize) {
    for share in shares {
        let percent = format!("{:<6.1}", share.ratio * 100.0);
        let padding = " ".repeat(2 * level);
        out.push(format!(
            " {:<10} {:<50}",
            format!("{padding}{percent}"),
            format!("{padding}{}", share.name)
        ));
        add_lines(out, &share.tasks, level + 1);
    }
}

/// The text of `--show-task-ratio`, from the shares within each class and those of everything.
pub fn report(per_class: &[TaskShare], total: &[TaskShare]) -> String {
    let mut out = String::new();
    for (title, shares) in [("Task ratio per User class", per_class), ("Total task ratio", total)] {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n {title}\n{}", "-".repeat(80));
        for line in lines(shares) {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_tasks_are_indented() {
        let leaf = |name: &str, ratio| TaskShare { name: name.to_owned(), ratio, tasks: Vec::new() };
        let tree = [TaskShare { tasks: vec![leaf("a", 0.75), leaf("b", 0.25)], ..leaf("MyUser", 1.0) }];
        let expected = [
            format!(" 100.0      {:<50}", "MyUser"),
            format!("   75.0     {:<50}", "  a"),
            format!("   25.0     {:<50}", "  b"),
        ];
        assert_eq!(lines(&tree), expected);
        let text = report(&tree, &tree);
        assert!(
            text.starts_with(&format!("\n Task ratio per User class\n{}\n 100.0 ", "-".repeat(80))),
            "{text}"
        );
        assert!(text.contains(&format!("\n\n Total task ratio\n{}\n", "-".repeat(80))), "{text}");
    }
}
