use proptest::prelude::*;

use super::*;

const SIZE: Size = Size { rows: 24, columns: 80 };

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("line {index}")).collect()
}

/// How often a sequence is in there.
fn times(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn the_first_paint_makes_room_and_the_next_one_does_not() {
    let mut screen = Screen::default();
    let first = screen.paint(SIZE, &lines(5));
    assert_eq!(times(&first, DOWN), 5);
    assert!(first.contains("\x1b[5A\x1b7\x1b[1;19r\x1b8"), "{first:?}");
    assert!(first.contains("\x1b[20;1H\x1b[0mline 0\x1b[K\x1b[21;1H"), "{first:?}");
    let next = screen.paint(SIZE, &lines(5));
    assert_eq!(times(&next, DOWN), 0);
    assert!(next.contains("\x1b[1;19r"), "a program that took the region away is put right: {next:?}");
}

#[test]
fn a_block_that_gets_longer_makes_room_for_what_is_new_and_never_gets_shorter() {
    let mut screen = Screen::default();
    screen.paint(SIZE, &lines(5));
    let longer = screen.paint(SIZE, &lines(7));
    assert_eq!(times(&longer, DOWN), 2);
    assert!(longer.contains("\x1b[2A\x1b7\x1b[1;17r"), "{longer:?}");
    let shorter = screen.paint(SIZE, &lines(3));
    assert!(shorter.contains("\x1b[1;17r") && shorter.contains("\x1b[22;1H\x1b[0mline 0"), "{shorter:?}");
}

#[test]
fn another_size_begins_anew() {
    let mut screen = Screen::default();
    screen.paint(SIZE, &lines(5));
    let resized = screen.paint(Size { rows: 30, columns: 100 }, &lines(5));
    assert!(resized.starts_with("\x1b[?2026h\x1b7\x1b[r\x1b8\x1b[J"), "{resized:?}");
    assert!(resized.contains("\x1b[1;25r"), "{resized:?}");
}

#[test]
fn what_is_left_is_as_it_was_found() {
    let mut screen = Screen::default();
    assert_eq!(screen.leave(), "");
    screen.paint(SIZE, &lines(5));
    assert_eq!(screen.leave(), "\x1b7\x1b[r\x1b8\x1b[J");
    assert_eq!(screen.leave(), "");
    // A shell reads three digits of an octal number: \0337 is ESC and a 7.
    assert_eq!(GIVE_BACK.replace(r"\033", "\x1b"), "\x1b7\x1b[r\x1b8\x1b[J\x1b[?7h");
}

proptest! {
    #[test]
    fn the_cursor_is_always_given_back(sizes in prop::collection::vec((0u16..40, 0u16..200, 0usize..30), 1..20)) {
        let mut screen = Screen::default();
        for (rows, columns, count) in sizes {
            let painted = screen.paint(Size { rows, columns }, &lines(count));
            prop_assert_eq!(times(&painted, SAVE), times(&painted, RESTORE));
            prop_assert_eq!(times(&painted, WRAP_OFF), times(&painted, WRAP_ON));
            prop_assert_eq!((times(&painted, BEGIN), times(&painted, END)), (1, 1));
            prop_assert!(!painted.contains('\n'));
        }
    }
}
