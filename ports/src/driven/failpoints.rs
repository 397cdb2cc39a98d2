//! Places where tests end the process, to see that nothing is lost.

/// Told of every place just before and just after an effect on the world: `copy_rows.before`, `switch.after`.
pub trait Failpoints: Send + Sync {
    /// The place is reached. An implementation may never return.
    fn reached(&self, place: &str);
}

/// Does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFailpoints;

impl Failpoints for NoFailpoints {
    fn reached(&self, _place: &str) {}
}
