//! Lines of the block: pieces with a look, as much of them as fits.

use crate::cells::{cut, width};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal.
    pub columns: usize,
    /// Rows of the terminal.
    pub rows: usize,
    /// Whether colours are wanted.
    pub colours: bool,
    /// Whether its letters are more than ASCII's.
    pub unicode: bool,
}

/// How a piece of a line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Dim,
    Bold,
    Good,
    Warn,
    Bad,
    Accent,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
            Self::Accent => "\x1b[36m",
        }
    }
}

/// A line in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    pub(super) fn of(style: Style, text: impl Into<String>) -> Self {
        Self::default().and(style, text)
    }

    pub(super) fn and(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    pub(super) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// As much of it as fits into so many columns.
    pub(super) fn cut(self, columns: usize, unicode: bool) -> Self {
        let mut left = columns;
        let mut out = Self::default();
        for (style, text) in self.0 {
            let piece = cut(&text, left, unicode);
            left -= width(&piece).min(left);
            let is_cut = piece.len() != text.len() || piece != text;
            out.0.push((style, piece));
            if is_cut {
                break;
            }
        }
        out
    }

    /// Cut to the terminal's width. The last column stays free: a cursor behind it would be at two places.
    pub(super) fn shown(&self, look: &Look) -> String {
        let mut out = String::new();
        for (style, text) in self.clone().cut(look.columns.saturating_sub(1), look.unicode).0 {
            let code = if look.colours && !text.is_empty() { style.code() } else { "" };
            out.push_str(code);
            // Of a number that is not known: the one letter of ours that is in figures.
            out.push_str(&if look.unicode { text } else { text.replace('–', "-") });
            if !code.is_empty() {
                out.push_str("\x1b[0m");
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::{clean, fit};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_is_never_wider_than_the_terminal(texts in prop::collection::vec(".{0,40}", 0..6), columns in 1usize..60, unicode: bool) {
            let look = Look { columns, rows: 24, colours: false, unicode };
            let line = texts.iter().fold(Line::default(), |line, text| line.and(Style::Bad, clean(text, unicode)));
            prop_assert!(width(&line.shown(&look)) < columns.max(2));
            let coloured = line.shown(&Look { colours: true, ..look });
            let plain = coloured.replace("\x1b[1;31m", "").replace("\x1b[0m", "");
            prop_assert_eq!(plain, line.shown(&look));
            prop_assert_eq!(width(&fit(&clean(&texts.concat(), unicode), columns, unicode)), columns);
        }
    }
}
