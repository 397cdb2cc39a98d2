//! Filters: a tree of tests as an expression.

use std::borrow::Cow;

use domain::table::{Condition, Operator, Quantifier, Test, TextSearch, TruthValue, Value};

use super::{
    array,
    field::Expression,
    planner::{Place, Planner},
    refusal::Refusal,
    relationship::{Scope, is_null_test},
    statement::Alias,
};

impl<'a> Planner<'a> {
    /// Writes a condition that needs no parentheses around it.
    pub(super) fn push_condition(&mut self, out: &mut String, scope: &Scope<'_, 'a>, condition: &'a Condition) -> Result<(), Refusal> {
        match condition {
            Condition::And(members) => self.push_group(out, scope, members, " and ", "true"),
            Condition::Or(members) => self.push_group(out, scope, members, " or ", "false"),
            Condition::Not(inner) => {
                out.push_str("not (");
                self.push_condition(out, scope, inner)?;
                out.push(')');
                Ok(())
            }
            Condition::Test(test) => self.push_test(out, scope, test),
        }
    }

    fn push_group(&mut self, out: &mut String, scope: &Scope<'_, 'a>, members: &'a [Condition], word: &str, of_none: &str) -> Result<(), Refusal> {
        match members {
            [] => out.push_str(of_none),
            [one] => self.push_condition(out, scope, one)?,
            [first, others @ ..] => {
                out.push('(');
                self.push_condition(out, scope, first)?;
                for member in others {
                    out.push_str(word);
                    self.push_condition(out, scope, member)?;
                }
                out.push(')');
            }
        }
        Ok(())
    }

    fn push_test(&mut self, out: &mut String, scope: &Scope<'_, 'a>, test: &'a Test) -> Result<(), Refusal> {
        if test.field.steps.is_empty()
            && let Some(embedded) = scope.embeds.iter().find(|embedded| embedded.embed.key() == test.field.column)
            && (is_null_test(test) || scope.relation.column(&test.field.column).is_none())
        {
            return match &test.value {
                Value::Truth(TruthValue::Null) => {
                    out.push_str("not ");
                    self.push_exists(out, scope, embedded)
                }
                Value::Truth(TruthValue::NotNull) => self.push_exists(out, scope, embedded),
                _ => {
                    let pointer = Place::Filter.pointer(scope.path, &test.field.column);
                    Err(Refusal::fault(
                        pointer,
                        "an embed can be tested with 'is.null' and 'not.is.null' only; its columns are tested as 'embed.column'",
                    ))
                }
            };
        }
        let (written, bound) = (out.len(), self.params.bytes());
        self.push_plain_test(out, scope, test)?;
        if scope.alias == Alias::ROOT {
            return Ok(()); // these stand there once
        }
        self.count_test(out.len() - written + self.params.bytes() - bound)
    }

    /// A test of a column.
    fn push_plain_test(&mut self, out: &mut String, scope: &Scope<'_, 'a>, test: &'a Test) -> Result<(), Refusal> {
        match (test.operator, test.quantifier, &test.value) {
            (Operator::Is, None, Value::Truth(truth)) => {
                self.push_comparable(out, scope, &test.field, Place::Filter)?;
                out.push_str(match truth {
                    TruthValue::Null => " is null",
                    TruthValue::NotNull => " is not null",
                    TruthValue::True => " is true",
                    TruthValue::False => " is false",
                    TruthValue::Unknown => " is unknown",
                });
            }
            (Operator::TextSearch(search), None, Value::Search { language, query }) => {
                self.push_search(out, scope, test, search, language.as_deref(), query)?;
            }
            (Operator::In, None, Value::List(values)) => {
                self.push_comparable(out, scope, &test.field, Place::Filter)?;
                out.push_str(" = any(");
                self.params.bind(out, array::literal(values));
                out.push(')');
            }
            (operator, Some(quantifier), Value::List(values)) if operator.takes_quantifier() => {
                self.push_comparable(out, scope, &test.field, Place::Filter)?;
                out.push_str(symbol(operator));
                out.push_str(if quantifier == Quantifier::Any { "any(" } else { "all(" });
                self.params.bind(out, list(operator, values));
                out.push(')');
            }
            (operator, None, Value::Text(value)) if !matches!(operator, Operator::In | Operator::Is | Operator::TextSearch(_)) => {
                self.push_comparable(out, scope, &test.field, Place::Filter)?;
                out.push_str(symbol(operator));
                self.params.bind(out, pattern(operator, value));
            }
            (operator, ..) => {
                let pointer = Place::Filter.pointer(scope.path, &test.field.column);
                return Err(Refusal::fault(pointer, format!("'{}' does not take such a value", operator.name())));
            }
        }
        Ok(())
    }

    fn push_search(
        &mut self,
        out: &mut String,
        scope: &Scope<'_, 'a>,
        test: &'a Test,
        search: TextSearch,
        language: Option<&'a str>,
        query: &'a str,
    ) -> Result<(), Refusal> {
        let mut field = String::new();
        let expression = self.push_comparable(&mut field, scope, &test.field, Place::Filter)?;
        if is_text(expression) {
            out.push_str("pg_catalog.to_tsvector(");
            self.push_language(out, language);
            out.push_str(&field);
            out.push(')');
        } else {
            out.push_str(&field);
        }
        out.push_str(match search {
            TextSearch::Raw => " @@ pg_catalog.to_tsquery(",
            TextSearch::Plain => " @@ pg_catalog.plainto_tsquery(",
            TextSearch::Phrase => " @@ pg_catalog.phraseto_tsquery(",
            TextSearch::Web => " @@ pg_catalog.websearch_to_tsquery(",
        });
        self.push_language(out, language);
        self.params.bind(out, query);
        out.push(')');
        Ok(())
    }

    fn push_language(&mut self, out: &mut String, language: Option<&'a str>) {
        if let Some(language) = language {
            self.params.bind(out, language);
            out.push_str("::pg_catalog.regconfig, ");
        }
    }
}

/// Whether it has to be made a tsvector first, as `PostgREST` does.
fn is_text(expression: Expression<'_>) -> bool {
    let Expression::Column(column) = expression else { return true };
    let name = column.base_type.as_str();
    matches!(name, "text" | "character varying" | "bpchar" | "json" | "jsonb") || name.ends_with(".citext")
}

fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq | Operator::In => " = ",
        Operator::Neq => " <> ",
        Operator::Gt => " > ",
        Operator::Gte => " >= ",
        Operator::Lt => " < ",
        Operator::Lte => " <= ",
        Operator::Like => " like ",
        Operator::Ilike => " ilike ",
        Operator::Match => " ~ ",
        Operator::Imatch => " ~* ",
        Operator::Is => " is ",
        Operator::IsDistinct => " is distinct from ",
        Operator::Contains => " @> ",
        Operator::ContainedBy => " <@ ",
        Operator::Overlaps => " && ",
        Operator::TextSearch(_) => " @@ ",
        Operator::StrictlyLeft => " << ",
        Operator::StrictlyRight => " >> ",
        Operator::NotExtendsRight => " &< ",
        Operator::NotExtendsLeft => " &> ",
        Operator::Adjacent => " -|- ",
    }
}

fn pattern(operator: Operator, text: &str) -> Cow<'_, str> {
    if matches!(operator, Operator::Like | Operator::Ilike) && text.contains('*') { Cow::Owned(text.replace('*', "%")) } else { Cow::Borrowed(text) }
}

fn list(operator: Operator, values: &[String]) -> String {
    let values: Vec<_> = values.iter().map(|value| pattern(operator, value)).collect();
    array::literal(&values)
}

#[cfg(test)]
mod tests {
    use crate::data::sql::example::{read, refused};

    /// What stands behind `where`.
    fn filter(table: &str, text: &str) -> String {
        let sql = read(table, &format!("select=id&{text}"));
        sql.split_once(" where ").unwrap_or_else(|| panic!("{sql}")).1.to_owned()
    }

    #[test]
    fn every_operator_has_its_sql() {
        for (text, sql) in [
            ("name=eq.a b", r#"_0."name" = ‹a b›"#),
            ("name=neq.x", r#"_0."name" <> ‹x›"#),
            ("id=gt.1", r#"_0."id" > ‹1›"#),
            ("id=gte.1", r#"_0."id" >= ‹1›"#),
            ("id=lt.1", r#"_0."id" < ‹1›"#),
            ("id=lte.1", r#"_0."id" <= ‹1›"#),
            ("name=like.a*b", r#"_0."name" like ‹a%b›"#),
            ("name=ilike.a*", r#"_0."name" ilike ‹a%›"#),
            ("name=match.^a*", r#"_0."name" ~ ‹^a*›"#),
            ("name=imatch.^a", r#"_0."name" ~* ‹^a›"#),
            ("id=in.(1,\"2,3\")", r#"_0."id" = any(‹{"1","2,3"}›)"#),
            ("id=is.null", r#"_0."id" is null"#),
            ("id=is.not_null", r#"_0."id" is not null"#),
            ("id=not.is.true", r#"not (_0."id" is true)"#),
            ("id=is.unknown", r#"_0."id" is unknown"#),
            ("name=isdistinct.x", r#"_0."name" is distinct from ‹x›"#),
            ("tags=cs.{a}", r#"_0."tags" @> ‹{a}›"#),
            ("tags=cd.{a}", r#"_0."tags" <@ ‹{a}›"#),
            ("tags=ov.{a}", r#"_0."tags" && ‹{a}›"#),
            ("tags=sl.x", r#"_0."tags" << ‹x›"#),
            ("tags=sr.x", r#"_0."tags" >> ‹x›"#),
            ("tags=nxr.x", r#"_0."tags" &< ‹x›"#),
            ("tags=nxl.x", r#"_0."tags" &> ‹x›"#),
            ("tags=adj.x", r#"_0."tags" -|- ‹x›"#),
            ("name=like(any).{a*,b}", r#"_0."name" like any(‹{"a%","b"}›)"#),
            ("id=gt(all).{1,2}", r#"_0."id" > all(‹{"1","2"}›)"#),
        ] {
            assert_eq!(filter("projects", text), sql, "{text}");
        }
    }

    #[test]
    fn a_text_is_made_a_document_before_it_is_searched() {
        for (table, text, sql) in [
            ("tasks", "words=fts.a", r#"_0."words" @@ pg_catalog.to_tsquery(‹a›)"#),
            ("tasks", "words=plfts(english).a", r#"_0."words" @@ pg_catalog.plainto_tsquery(‹english›::pg_catalog.regconfig, ‹a›)"#),
            ("tasks", "title=phfts.a", r#"pg_catalog.to_tsvector(_0."title") @@ pg_catalog.phraseto_tsquery(‹a›)"#),
            (
                "users",
                "name=wfts(german).a",
                r#"pg_catalog.to_tsvector(‹german›::pg_catalog.regconfig, _0."name") @@ pg_catalog.websearch_to_tsquery(‹german›::pg_catalog.regconfig, ‹a›)"#,
            ),
        ] {
            assert_eq!(filter(table, text), sql);
        }
    }

    #[test]
    fn json_paths_are_bound_and_compared_as_what_they_give() {
        for (table, text, sql) in [
            ("projects", "data->a->>b=eq.1", r#"(_0."data" -> ‹a›::pg_catalog.text ->> ‹b›::pg_catalog.text) = ‹1›"#),
            ("projects", "data->0->>-1=is.null", r#"(_0."data" -> (0) ->> (-1)) is null"#),
            ("tasks", "raw->a=eq.1", r#"(_0."raw" -> ‹a›::pg_catalog.text)::pg_catalog.jsonb = ‹1›"#),
            ("projects", "tags->0=eq.1", r#"(pg_catalog.to_jsonb(_0."tags") -> (0)) = ‹1›"#),
            ("users", "home->>city=eq.x", r#"(pg_catalog.to_jsonb(_0."home") ->> ‹city›::pg_catalog.text) = ‹x›"#),
        ] {
            assert_eq!(filter(table, text), sql);
        }
        assert!(refused("projects", "name->a=eq.1").to_string().contains("'name' is text, not JSON"));
    }

    #[test]
    fn groups_keep_their_shape() {
        assert_eq!(
            filter("projects", "or=(id.eq.1,and(id.eq.2,name.is.null))&not.and=(id.eq.3,id.eq.4)&name=not.eq.x").replace("pg_catalog.", ""),
            r#"((_0."id" = ‹1› or (_0."id" = ‹2› and _0."name" is null)) and not ((_0."id" = ‹3› and _0."id" = ‹4›)) and not (_0."name" = ‹x›))"#
        );
    }

    /// An embed within an embed, so many deep, each of them asked for this often.
    fn multiplied(levels: usize, times: usize) -> String {
        let select = format!("select=id,{}id{}", "p:manager_id(".repeat(levels), ")".repeat(levels));
        let test = |level: usize| format!("&{}=is.null", vec!["p"; level].join(".")).repeat(times);
        (1..=levels).map(test).fold(select, |text, tests| text + &tests)
    }

    #[test]
    fn embeds_do_not_multiply_without_end() {
        let multiply = |text: &str| refused("employees", text).to_string().contains("so that they multiply");
        assert!(multiply(&multiplied(16, 2)));
        assert!(multiply(&multiplied(3, 20)));
        let long = format!("&{}.id=eq.{}", ["p"; 7].join("."), "1".repeat(65_000));
        assert!(multiply(&(multiplied(7, 2) + &long + &long)), "values count as well");
        let inner = |levels| format!("select=id,{}id{}", "p:manager_id!inner(".repeat(levels), ")".repeat(levels));
        for harmless in [multiplied(7, 2), multiplied(30, 1), inner(30)] {
            assert!(!read("employees", &harmless).is_empty());
        }
        let many: Vec<_> = (0..300).map(|n| format!("t{n}:tags(id)")).collect();
        assert!(!read("tasks", &format!("select=id,{}&t0=is.null", many.join(","))).is_empty());
        assert!(!read("employees", &format!("select=id&id=in.({})", "1".repeat(60_000))).is_empty());
    }

    #[test]
    fn an_unknown_column_is_told_with_those_like_it() {
        let message = refused("projects", "nam=eq.1").to_string();
        assert_eq!(message, "/filter/nam: 'public.projects' has no column 'nam'; did you mean 'name'?");
        for system in ["xmin", "ctid", "tableoid", "oid"] {
            assert!(refused("projects", &format!("{system}=eq.1")).to_string().contains("has no column"));
        }
    }
}
