//! What a token claims, and whether that is good.

use super::compact::object;
use domain::{access::Role, user::UserId};
use ports::driven::{InvalidToken, TokenClaims};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// Seconds by which clocks may differ.
const LEEWAY: i64 = 30;

/// The claims of the tokens that we make.
#[derive(Serialize)]
pub(super) struct OwnClaims<'a> {
    pub(super) sub: UserId,
    pub(super) email: &'a str,
    pub(super) role: &'static str,
    pub(super) session_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<&'a str>,
    pub(super) aud: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fluxbase_admin: Option<bool>,
}

/// The claims that are looked at. One that comes twice is an error of serde's, so that PostgreSQL never sees another value than we did.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    exp: Value,
    #[serde(default)]
    nbf: Value,
    #[serde(default)]
    iss: Value,
    #[serde(default)]
    aud: Value,
    #[serde(default)]
    sub: Value,
    #[serde(default)]
    role: Value,
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    session_id: Value,
    #[serde(default)]
    fluxbase_admin: Value,
}

/// What claims are checked by, beside the time.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
}

impl Rules {
    /// Checks the claims of a token whose signature is good.
    pub(super) fn check(&self, payload: String, now: OffsetDateTime) -> Result<TokenClaims, InvalidToken> {
        let claims: Claims = object(&payload)?;
        let expires_at = claims.in_time(now)?;
        self.check_issuer(&claims.iss)?;
        self.check_audience(&claims.aud)?;
        Ok(TokenClaims {
            sub: claims.subject()?,
            role: claims.role()?,
            scope: claims.scope()?,
            session_id: claims.session_id.as_str().and_then(|id| id.parse().ok()),
            admin: claims.fluxbase_admin == Value::Bool(true),
            expires_at,
            claims: payload,
        })
    }

    fn check_issuer(&self, issuer: &Value) -> Result<(), InvalidToken> {
        match &self.issuer {
            Some(expected) if issuer.as_str() != Some(expected) => Err(InvalidToken::Refused("this token was made by another issuer")),
            _ => Ok(()),
        }
    }

    fn check_audience(&self, audience: &Value) -> Result<(), InvalidToken> {
        let Some(expected) = &self.audience else { return Ok(()) };
        let named = match audience {
            Value::String(one) => one == expected,
            Value::Array(several) => several.iter().any(|one| one.as_str() == Some(expected)),
            _ => false,
        };
        if named { Ok(()) } else { Err(InvalidToken::Refused("this token was made for another audience")) }
    }
}

impl Claims {
    /// When it expires, if now is between its beginning and its end.
    fn in_time(&self, now: OffsetDateTime) -> Result<OffsetDateTime, InvalidToken> {
        let now = now.unix_timestamp();
        let exp = seconds(&self.exp)
            .map_err(|()| InvalidToken::Refused("this token's exp is not a time"))?
            .ok_or(InvalidToken::Refused("this token does not say when it expires (exp)"))?;
        let nbf = seconds(&self.nbf).map_err(|()| InvalidToken::Refused("this token's nbf is not a time"))?;
        if exp.saturating_add(LEEWAY) <= now {
            return Err(InvalidToken::Refused("this token has expired"));
        }
        if nbf.is_some_and(|nbf| nbf > now.saturating_add(LEEWAY)) {
            return Err(InvalidToken::Refused("this token is not good yet (nbf)"));
        }
        OffsetDateTime::from_unix_timestamp(exp).map_err(|_| InvalidToken::Refused("this token's exp is not a time"))
    }

    fn subject(&self) -> Result<Option<String>, InvalidToken> {
        match &self.sub {
            Value::Null => Ok(None),
            Value::String(sub) => Ok(Some(sub.clone())),
            _ => Err(InvalidToken::Refused("this token's sub is not a text")),
        }
    }

    fn role(&self) -> Result<Role, InvalidToken> {
        match &self.role {
            Value::Null => Err(InvalidToken::Refused("this token has no role; it must be anon or authenticated")),
            Value::String(role) if role == Role::Anon.name() => Ok(Role::Anon),
            Value::String(role) if role == Role::Authenticated.name() => Ok(Role::Authenticated),
            _ => Err(InvalidToken::Refused("this token's role is not accepted; it must be anon or authenticated")),
        }
    }

    fn scope(&self) -> Result<Option<String>, InvalidToken> {
        const WRONG: InvalidToken = InvalidToken::Refused("this token's scope is neither a text nor a list of texts");
        match &self.scope {
            Value::Null => Ok(None),
            Value::String(scope) => Ok(Some(scope.clone())),
            Value::Array(names) => {
                let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
                Ok(Some(names.ok_or(WRONG)?.join(" ")))
            }
            _ => Err(WRONG),
        }
    }
}

/// A `NumericDate`: seconds since 1970, whole or not. `None` where there is none.
fn seconds(value: &Value) -> Result<Option<i64>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Some(whole)),
            // Out of i64's range it is out of every calendar too.
            #[expect(clippy::cast_possible_truncation, reason = "the range was checked, and a part of a second does not matter")]
            (None, Some(part)) if part.abs() < 1e15 => Ok(Some(part.floor() as i64)),
            _ => Err(()),
        },
        _ => Err(()),
    }
}
