//! Properties: what is printed parses to the same tree, and no text makes a parser panic.

use super::{
    FilterObject, GroupKind, QueryParams,
    generated::{any_text, condition, hostile, items, query, term},
    parse_condition, parse_group, parse_order, parse_select, parse_test, print_condition, print_order, print_query, print_select,
};
use proptest::{collection::vec, prelude::*};

proptest! {
    #[test]
    fn printed_conditions_parse_to_themselves(condition in condition()) {
        let text = print_condition(&condition);
        prop_assert_eq!(parse_condition(&text), Ok(condition), "{}", text);
    }

    #[test]
    fn printed_select_lists_parse_to_themselves(items in items()) {
        let text = print_select(&items);
        prop_assert_eq!(parse_select(&text), Ok(items), "{}", text);
    }

    #[test]
    fn printed_orders_parse_to_themselves(terms in vec(term(), 0..4)) {
        let text = print_order(&terms);
        prop_assert_eq!(parse_order(&text), Ok(terms), "{}", text);
    }

    #[test]
    fn printed_queries_parse_to_themselves(query in query()) {
        let pairs = print_query(&query);
        prop_assert_eq!(QueryParams::parse(pairs.clone().into_iter()), Ok(query), "{:?}", pairs);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any_text(), other in any_text()) {
        let _ = parse_test(&text, &other);
        let _ = parse_condition(&text);
        let _ = parse_order(&text);
        let _ = parse_select(&text);
        for kind in GroupKind::ALL {
            let _ = parse_group(kind, &text);
        }
        let _ = QueryParams::parse([(text.clone(), other.clone()), ("select".to_owned(), text.clone()), ("or".to_owned(), other)].into_iter());
        let _ = serde_json::from_str::<FilterObject>(&text).map(|filter| filter.condition(Some(&mut [])));
    }

    #[test]
    fn what_parses_prints_to_a_text_of_the_same_meaning(text in any_text()) {
        if let Ok(condition) = parse_condition(&text) {
            prop_assert_eq!(parse_condition(&print_condition(&condition)), Ok(condition));
        }
        if let Ok(items) = parse_select(&text) {
            prop_assert_eq!(parse_select(&print_select(&items)), Ok(items));
        }
        if let Ok(terms) = parse_order(&text) {
            prop_assert_eq!(parse_order(&print_order(&terms)), Ok(terms));
        }
    }

    #[test]
    fn no_object_makes_the_filter_panic(name in hostile(), value in hostile(), other in hostile()) {
        let object = serde_json::json!({name.clone(): value.clone(), "or": [{other.clone(): [value.clone(), name]}, value], "not": {other: value}});
        let filter: FilterObject = serde_json::from_value(object).expect("any JSON is read");
        if let Ok(Some(condition)) = filter.condition(None) {
            prop_assert_eq!(parse_condition(&print_condition(&condition)), Ok(condition));
        }
    }
}
