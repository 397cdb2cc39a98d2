//! Users, in an `auth` schema of ours or of somebody else's.

use super::{cursor, error::store, unit_of_work::PgUnitOfWork};
use async_trait::async_trait;
use domain::{
    UserId,
    page::{Page, PageRequest},
    user::{Email, User},
};
use ports::driven::{StoreError, StoredUser, UserRepository};
use time::OffsetDateTime;
use uuid::Uuid;

const LIST: &str = "users";

/// What is read of a user everywhere: a foreign schema may have users without an address or a date.
macro_rules! user_columns {
    () => {
        "u.id, coalesce(u.email::text, '') as email, coalesce(u.created_at, 'epoch') as created_at,
         exists (select from fluxbase.admins a where a.user_id = u.id) as admin,
         not exists (select from fluxbase.newcomers n where n.user_id = u.id) as member"
    };
}
pub(super) use user_columns;

#[derive(sqlx::FromRow)]
pub(super) struct UserRow {
    id: Uuid,
    email: String,
    created_at: OffsetDateTime,
    admin: bool,
    member: bool,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self { id: UserId::from_uuid(row.id), email: row.email, admin: row.admin, member: row.member, created_at: row.created_at }
    }
}

#[derive(sqlx::FromRow)]
struct StoredUserRow {
    #[sqlx(flatten)]
    user: UserRow,
    password_hash: Option<String>,
}

#[async_trait]
impl UserRepository for PgUnitOfWork {
    async fn managed(&mut self) -> Result<bool, StoreError> {
        if let Some(managed) = self.managed {
            return Ok(managed);
        }
        let has_ledger: bool = sqlx::query_scalar("select to_regclass('fluxbase_migrations.data') is not null")
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(store)?;
        let managed = has_ledger
            && sqlx::query_scalar("select exists (select from fluxbase_migrations.data where success and description like 'auth%')")
                .fetch_one(&mut *self.transaction)
                .await
                .map_err(store)?;
        self.managed = Some(managed);
        Ok(managed)
    }

    async fn insert(&mut self, stored: &StoredUser) -> Result<(), StoreError> {
        // A taken address is no error of the transaction: what else the caller wants to write may still be written.
        let inserted = sqlx::query(
            "insert into auth.users (id, email, encrypted_password, created_at, updated_at) values ($1, $2, $3, $4, $4) on conflict do nothing",
        )
        .bind(stored.user.id.as_uuid())
        .bind(&stored.user.email)
        .bind(&stored.password_hash)
        .bind(stored.user.created_at)
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::Taken { what: "e-mail address" });
        }
        if stored.user.admin {
            self.make_admin(stored.user.id).await?;
        }
        if !stored.user.member {
            sqlx::query("insert into fluxbase.newcomers (user_id) values ($1) on conflict do nothing")
                .bind(stored.user.id.as_uuid())
                .execute(&mut *self.transaction)
                .await
                .map_err(store)?;
        }
        Ok(())
    }

    async fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = sqlx::query_as(concat!("select ", user_columns!(), " from auth.users u where u.id = $1"))
            .bind(id.as_uuid())
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(row.map(User::from))
    }

    async fn find_by_email(&mut self, email: &Email) -> Result<Option<StoredUser>, StoreError> {
        // In another's table addresses have whatever case they were typed in. Which small letter belongs to a capital is the database's to say, and in Turkish that
        // of I is none of its own: what may be meant is read, and compared as every address is here.
        let sql = if self.managed().await? {
            concat!("select ", user_columns!(), ", u.encrypted_password as password_hash from auth.users u where u.email = $1")
        } else {
            concat!(
                "select ",
                user_columns!(),
                ", null::text as password_hash from auth.users u
                  where lower(u.email::text collate \"C\") = $1 or lower(u.email::text) = $1 or lower(u.email::text) = lower($1) order by u.id"
            )
        };
        let rows: Vec<StoredUserRow> = sqlx::query_as(sql).bind(email.as_str()).fetch_all(&mut *self.transaction).await.map_err(store)?;
        let meant = rows.into_iter().find(|row| row.user.email.parse::<Email>().is_ok_and(|own| own == *email));
        Ok(meant.map(|row| StoredUser { user: row.user.into(), password_hash: row.password_hash }))
    }

    async fn is_member(&mut self, id: UserId) -> Result<bool, StoreError> {
        sqlx::query_scalar("select not exists (select from fluxbase.newcomers where user_id = $1)")
            .bind(id.as_uuid())
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(store)
    }

    async fn promote(&mut self, id: UserId, admin: bool) -> Result<Option<User>, StoreError> {
        let Some(user) = self.find(id).await? else { return Ok(None) };
        sqlx::query("delete from fluxbase.newcomers where user_id = $1").bind(id.as_uuid()).execute(&mut *self.transaction).await.map_err(store)?;
        if admin {
            self.make_admin(id).await?;
        }
        Ok(Some(User { member: true, admin: user.admin || admin, ..user }))
    }

    async fn list(&mut self, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let after: Option<(String, Uuid)> = cursor::open(LIST, page)?;
        // Ours has an index that this order goes by; a foreign one may have users without an address, who are not left out.
        let sql = if self.managed().await? {
            concat!(
                "select ",
                user_columns!(),
                " from auth.users u where $1::text is null or (u.email, u.id) > ($1, $2) order by u.email, u.id limit $3"
            )
        } else {
            concat!(
                "select ",
                user_columns!(),
                " from auth.users u where $1::text is null or (coalesce(u.email::text, ''), u.id) > ($1, $2)
                 order by coalesce(u.email::text, ''), u.id limit $3"
            )
        };
        let rows: Vec<UserRow> = sqlx::query_as(sql)
            .bind(after.as_ref().map(|(email, _)| email))
            .bind(after.as_ref().map(|(_, id)| id))
            .bind(cursor::rows(page))
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(cursor::page(LIST, page, rows.into_iter().map(User::from).collect(), |last: &User| (last.email.clone(), last.id)))
    }
}

impl PgUnitOfWork {
    async fn make_admin(&mut self, id: UserId) -> Result<(), StoreError> {
        sqlx::query("insert into fluxbase.admins (user_id) values ($1) on conflict do nothing")
            .bind(id.as_uuid())
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(())
    }
}
