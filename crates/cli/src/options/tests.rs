use std::collections::BTreeSet;

use super::{Action, CONFIG_FILES, Group, Kind, SOURCES, TABLE};

#[test]
fn every_flag_and_every_key_is_there_once() {
    let (mut flags, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for option in TABLE {
        assert!(keys.insert(option.dest), "{} is there twice", option.dest);
        for flag in option.flags {
            assert!(flags.insert(*flag), "{flag} is there twice");
        }
    }
}

#[test]
fn flags_are_one_short_or_a_long_one_and_every_option_has_a_long_one() {
    for option in TABLE {
        let (long, short): (Vec<&str>, Vec<&str>) =
            option.flags.iter().partition(|flag| flag.starts_with("--"));
        assert!(short.iter().all(|flag| flag.len() == 2 && flag.starts_with('-')), "{:?}", option.flags);
        if option.action == Action::Positional {
            assert!(option.flags.is_empty());
        } else {
            assert_eq!(long.len(), 1, "{:?}: its key in configuration files must be clear", option.flags);
        }
    }
}

#[test]
fn the_table_is_in_the_order_of_the_groups_of_help() {
    assert!(TABLE.is_sorted_by_key(|option| option.group));
    for group in Group::ALL {
        assert!(TABLE.iter().any(|option| option.group == *group), "{} is empty", group.info().title);
    }
}

#[test]
fn only_removed_options_have_a_hint_and_they_are_hidden() {
    for option in TABLE {
        let removed = matches!(option.action, Action::Removed | Action::RemovedWithValue);
        assert_eq!(option.hint.is_some(), removed, "{}", option.dest);
        assert!(!(removed && option.help.is_some()), "{}", option.dest);
    }
}

#[test]
fn switches_take_no_value_and_values_are_no_switches() {
    for option in TABLE {
        let takes_none =
            matches!(option.action, Action::StoreTrue | Action::Help | Action::Version | Action::Removed);
        assert_eq!(option.kind == Kind::Flag, takes_none, "{}", option.dest);
    }
}

#[test]
fn sources_are_ordered_from_the_weakest_to_the_strongest() {
    assert!(SOURCES.is_sorted());
    assert_eq!(CONFIG_FILES.last(), Some(&"pyproject.toml"));
}
