//! Text on a terminal: how many columns it takes, and what of it fits.

use unicode_width::UnicodeWidthChar;

/// Columns of a name in a table of ours: one that is longer would make each row of it as long.
const NAME: usize = 60;

/// A name, which may be any text, as it stands in a table on the console.
pub(crate) fn named(text: &str) -> String {
    cut(&clean(text, true), NAME, true)
}

/// A rule below the head of a table, as wide as the widest of these lines.
pub(crate) fn rule(lines: &[String]) -> String {
    "-".repeat(lines.iter().map(|line| width(line)).max().unwrap_or(0))
}

/// A name as a terminal may show it: nothing in it moves the cursor or turns the direction of what follows, and each letter is as wide
/// as it is counted.
pub(crate) fn clean(text: &str, unicode: bool) -> String {
    let odd = if unicode { '\u{fffd}' } else { '?' };
    let shown = text.chars().filter_map(|letter| match letter {
        // Selects the look of the letter before it: terminals do not agree about its width.
        '\u{fe00}'..='\u{fe0f}' => None,
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => Some(odd),
        letter if letter.is_control() || (!unicode && !letter.is_ascii()) => Some(odd),
        letter => Some(letter),
    });
    shown.collect()
}

/// Columns that it takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

/// As much of it as fits into so many columns; what is cut off is told by a mark.
pub(crate) fn cut(text: &str, columns: usize, unicode: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = if unicode { "…" } else { "~" };
    if columns == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut left = columns - 1;
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        out.push(letter);
    }
    out.push_str(mark);
    out
}

/// Cut or filled up to exactly so many columns.
pub(crate) fn fit(text: &str, columns: usize, unicode: bool) -> String {
    let mut out = cut(text, columns, unicode);
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_moves_the_cursor() {
        assert_eq!(clean("GET\t/\x1b[2Ja\nb\u{202e}c", true), "GET\u{fffd}/\u{fffd}[2Ja\u{fffd}b\u{fffd}c");
        assert_eq!(clean("/é日❤\u{fe0f}", false), "/???");
        assert_eq!(clean("/é日❤\u{fe0f}", true), "/é日❤");
    }

    #[test]
    fn wide_letters_are_counted_as_two() {
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(cut("日本語", 4, true), "日…");
        assert_eq!(fit("日本語", 4, true), "日… ");
        assert_eq!(cut("abcd", 3, false), "ab~");
        assert_eq!(cut("abc", 0, true), "");
    }

    #[test]
    fn a_name_is_one_short_piece_of_a_row() {
        let long = "x".repeat(500);
        assert_eq!(named("a\nb\x1b[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!((width(&named(&long)), named(&long).ends_with('…')), (NAME, true));
    }
}
