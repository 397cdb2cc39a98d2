//! Masks as SQL: expressions over PostgreSQL's own functions, the column and the session's secret.
//!
//! They give text, for COPY to write as text: a cast to the column's type would run the checks of its domain, which are the parent's users' code, with the
//! rights of whoever reads. So would a cast of a column whose type somebody made: `CREATE CAST` takes no more than to own it. Texts are compared byte by byte, whatever the column's collation takes for equal.

use crate::quoting::ident;
use domain::privacy::{Kind, Mask, PlannedMask};

/// The secret, as the reader's session has it. It is no part of any statement, so that no log and no statistic shows it.
pub(crate) const KEY_SETTING: &str = "fluxbase.mask_key";

/// What is selected in the column's place.
pub(super) fn expression(planned: &PlannedMask) -> String {
    let column = Column { name: ident(&planned.column), kind: planned.kind };
    let text = column.text();
    match planned.mask {
        Mask::Keep => column.name,
        Mask::Null => "null".to_owned(),
        Mask::Email => {
            let digits = planned.width - Mask::AROUND_EMAIL;
            not_empty(&text, &format!("'u_' || left({}, {digits}) || '@example.invalid'", hex(&text)))
        }
        Mask::Phone => {
            let digits = planned.width - Mask::BEFORE_PHONE;
            let number = format!("lpad(({} % {})::text, {digits}, '0')", bits(&text, 1), 10_u64.pow(digits));
            not_empty(&text, &format!("'+999' || {number}"))
        }
        Mask::Name => not_empty(&text, &cut(&name(&text), planned.width)),
        Mask::KeepLast(kept) => format!(
            "case when char_length({text}) <= {kept} then repeat('*', char_length({text})) \
             else repeat('*', char_length({text}) - {kept}) || right({text}, {kept}) end"
        ),
        Mask::Text => prose(&text),
        Mask::Hash => column.hash(planned.width),
        Mask::Uuid => column.uuid(),
        Mask::Number if planned.kind.is_whole_number() => column.whole_number(),
        Mask::Number => column.number(),
        Mask::Date => column.day(),
        Mask::Redact => column.redacted(planned.width),
    }
}

struct Column {
    /// Quoted.
    name: String,
    kind: Kind,
}

impl Column {
    /// The value as text; where case does not count, in one case.
    fn text(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::CaselessText => format!("(lower({} collate \"default\") collate \"C\")", printed(name)),
            Kind::Bytes => format!("encode({name}, 'hex')"),
            Kind::Decimal => format!("trim_scale({name})::text"),
            Kind::Date => format!("({name} - date '2000-01-01')::text"),
            Kind::Timestamp | Kind::TimestampTz => format!("extract(epoch from {name})::text"),
            _ => format!("({name}::text collate \"C\")"),
        }
    }

    fn hash(&self, width: u32) -> String {
        let (name, text) = (&self.name, self.text());
        match self.kind {
            Kind::Bytes => format!("case when octet_length({name}) = 0 then {name} else substring({} from 1 for 16) end", digest(&text)),
            Kind::Uuid => self.uuid(),
            // The network for documentation.
            Kind::Inet => format!(r"('2001:db8:' || regexp_replace(left({}, 24), '(....)(?=.)', '\1:', 'g'))", hex(&text)),
            _ => not_empty(&text, &cut(&hex(&text), width)),
        }
    }

    fn uuid(&self) -> String {
        let text = self.text();
        // Version 8: made by a rule of one's own.
        let uuid = format!("overlay(overlay(left({}, 32) placing '8' from 13) placing '8' from 17)::uuid::text", hex(&text));
        if self.kind == Kind::Uuid { uuid } else { not_empty(&text, &uuid) }
    }

    /// A permutation of the numbers with as many digits: a Feistel network over two unequal halves, which needs no more room than the numbers have.
    fn whole_number(&self) -> String {
        let name = &self.name;
        // Numbers with equally many digits change places among themselves: `upper * lower` of them, from a power of ten on. Those with the
        // most digits end with the greatest number of the type.
        let (digits, outside, (last_upper, last_lower)) = match self.kind {
            Kind::Small => (5, i64::from(i16::MIN), (1423, 16)),
            Kind::Integer => (10, i64::from(i32::MIN), (2_241_179, 512)),
            _ => (19, i64::MIN, (31_369_674_823_207, 262_144)),
        };
        let list = |of: &dyn Fn(u32) -> i64| (1..=digits).map(|count| of(count).to_string()).collect::<Vec<_>>().join(",");
        let power = |exponent: u32| 10_i64.pow(exponent);
        let first = list(&|count| power(count - 1));
        let upper = list(&|count| if count == digits { last_upper } else { 9 * power(count - 1 - count / 2) });
        let lower = list(&|count| if count == digits { last_lower } else { power(count / 2) });
        let half = |of: &str, round: u32, from: u32| bits(&format!("concat_ws(':', 'number', d.digits, {round}, '{of}', r{from}.{of})"), 1);
        let round = |round: u32| {
            let (before, between, after) = (2 * round - 2, 2 * round - 1, 2 * round);
            format!(
                "lateral (select (r{before}.a + {}) % d.upper as a, r{before}.b as b offset 0) r{between}, \
                 lateral (select r{between}.a as a, (r{between}.b + {}) % d.lower as b offset 0) r{after}",
                half("b", round, before),
                half("a", round, between)
            )
        };
        let rounds = [1, 2, 3, 4].map(round).join(", ");
        format!(
            "(select case when v.x in (0, {outside}) then v.x else sign(v.x)::bigint * (d.first + r8.a * d.lower + r8.b) end \
             from (select {name}::bigint as x offset 0) v, \
             lateral (select abs(nullif(v.x, {outside})) as size, length(abs(nullif(v.x, {outside}))::text) as digits offset 0) s, \
             lateral (select s.digits, ('{{{first}}}'::bigint[])[s.digits] as first, ('{{{upper}}}'::bigint[])[s.digits] as upper, \
             ('{{{lower}}}'::bigint[])[s.digits] as lower offset 0) d, \
             lateral (select (s.size - d.first) / d.lower as a, (s.size - d.first) % d.lower as b offset 0) r0, {rounds})",
            outside = if outside == i64::MIN { "'-9223372036854775808'::bigint".to_owned() } else { outside.to_string() },
        )
    }

    /// A number of as many digits, before and behind the point. It begins with less than 9.5, so that one rounded to a negative scale has no digit more; a float
    /// of the most digits stays below the greatest of its type.
    fn number(&self) -> String {
        let name = &self.name;
        let (most, room) = match self.kind {
            Kind::Real => (39, "2.4"),
            Kind::Double => (309, "0.79"),
            _ => (i32::MAX, "8.49"),
        };
        let part = format!("{} / 1152921504606846976::numeric", bits(&self.text(), 1));
        format!(
            "(select case when v.x in ('NaN', 'Infinity', '-Infinity', 0) then {name}::text \
             else case when v.x < 0 then '-' else '' end || case when s.scale = 0 then r.made \
             else left(lpad(r.made, greatest(s.digits, s.scale + 1), '0'), -s.scale) || '.' || right(repeat('0', s.scale) || r.made, s.scale) end end \
             from (select {name}::numeric as x offset 0) v, \
             lateral (select scale(v.x) as scale, length(ltrim(translate(abs(v.x)::text, '.', ''), '0')) as digits offset 0) s, \
             lateral (select trunc(10::numeric ^ (s.digits - 1) * (1 + case when s.digits - s.scale >= {most} then {room} else 8.49 end * {part}))::text \
             as made offset 0) r)"
        )
    }

    fn day(&self) -> String {
        let (name, text) = (&self.name, self.text());
        let (shift, first) = match self.kind {
            Kind::Date => (format!("(1 + {} % 365)::int", bits(&text, 1)), "date '4700-01-01 BC'"),
            _ => (
                format!("make_interval(secs => 1 + {} % 31535999 + ({} % 1000000) / 1000000.0)", bits(&text, 1), bits(&text, 17)),
                if self.kind == Kind::Timestamp { "timestamp '4700-01-01 BC'" } else { "timestamptz '4700-01-01 BC'" },
            ),
        };
        format!("case when not isfinite({name}) then {name} when {name} < {first} then {name} + {shift} else {name} - {shift} end")
    }

    fn redacted(&self, width: u32) -> String {
        let name = &self.name;
        let value = match self.kind {
            Kind::Text | Kind::PaddedText | Kind::CaselessText => return not_empty(&self.text(), &cut("'redacted'", width)),
            Kind::Uuid => "00000000-0000-0000-0000-000000000000",
            Kind::Boolean => "f",
            Kind::Date => "1970-01-01",
            Kind::Timestamp => "1970-01-01 00:00:00",
            Kind::TimestampTz => "1970-01-01 00:00:00+00",
            Kind::Time => "00:00:00",
            Kind::Json | Kind::Array => "{}",
            Kind::Bytes => "",
            Kind::Inet => "0.0.0.0",
            Kind::Mac => "00:00:00:00:00:00",
            _ => "0",
        };
        format!("case when {name} is not null then '{value}' end")
    }
}

/// A column's value as PostgreSQL writes it, of whatever type: by the type's own output function, never by a cast.
pub(super) fn printed(column: &str) -> String {
    format!("case when {column} is distinct from null then format('%s', {column}) end")
}

/// An empty text tells of nobody, and stays; so does NULL.
fn not_empty(text: &str, otherwise: &str) -> String {
    format!("case when {text} = '' then '' when {text} is not null then {otherwise} end")
}

fn cut(text: &str, width: u32) -> String {
    if i32::try_from(width).is_ok() { format!("left({text}, {width})") } else { text.to_owned() }
}

/// A digest of the secret and the text: without the secret nobody can try texts until one fits. At most half of its bits are used. Who had all of them could
/// reckon the digest of a longer text from that of its beginning.
fn digest(text: &str) -> String {
    format!("sha256(convert_to(current_setting('{KEY_SETTING}') || {text}, getdatabaseencoding()))")
}

fn hex(text: &str) -> String {
    format!("encode({}, 'hex')", digest(text))
}

/// Sixty bits as a number, beginning at that digit.
fn bits(text: &str, from: u32) -> String {
    format!("('x' || substr({}, {from}, 15))::bit(60)::bigint", hex(text))
}

/// Either name may stand first or last.
const NAMES: &str = "Avery,Blake,Cameron,Casey,Dakota,Devon,Drew,Elliot,Emery,Finley,Harper,Hayden,Jamie,Jordan,Kelly,Kendall,Lane,Logan,Morgan,Parker,\
                     Peyton,Quinn,Reese,Riley,Robin,Rowan,Sawyer,Shannon,Skyler,Taylor,Tracy,Whitney";

fn name(text: &str) -> String {
    let pick = |from| format!("('{{{NAMES}}}'::text[])[1 + {} % 32]", bits(text, from));
    format!("{} || case when strpos(btrim({text}), ' ') > 0 then ' ' || {} else '' end", pick(1), pick(17))
}

/// Words of letters, as long as the text. Each block's digest is of the first digest, so that a long text is read once.
fn prose(text: &str) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzetaoinsr    ";
    let block = format!("translate(encode(sha256(d.digest || convert_to(i::text, 'UTF8')), 'base64'), '{DIGITS}', '{LETTERS}')");
    format!(
        "case when {text} = '' then '' when {text} is not null then (select left(string_agg({block}, '' order by i), char_length({text})) \
         from (select {} as digest offset 0) d, generate_series(0, char_length({text}) / 43) i) end",
        digest(text)
    )
}
