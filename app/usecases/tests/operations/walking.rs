//! A random walk of requests, failures and crashes: what must always hold, holds after each step.

use crate::world::World;
use domain::{DataCloneMode, StepName};
use memory::Failing;
use std::time::Duration;
use tokio::time::sleep;

/// A small generator, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_asked_in_whatever_order_nothing_is_left_and_nothing_that_serves_is_gone() {
    for seed in 0..30 {
        let mut dice = Dice(seed);
        let mut world = World::new().await;
        for step in 0..40 {
            disturb(&mut dice, &world);
            let slug = ["a", "b", "c"][usize::try_from(dice.roll(3)).unwrap()];
            let begun = match dice.roll(8) {
                0 | 1 => world.create(slug, [DataCloneMode::SchemaOnly, DataCloneMode::SeedData][usize::try_from(dice.roll(2)).unwrap()], None).await,
                2 | 3 => world.reset(slug).await,
                4 => world.undo(slug).await,
                5 => world.delete(slug).await,
                6 => world.migrate(slug, &[("1_a.sql", ["select 1", "fail"][usize::try_from(dice.roll(2)).unwrap()])], dice.roll(2) == 0).await,
                _ => {
                    sleep(Duration::from_secs(dice.roll(1000))).await;
                    continue;
                }
            };
            // Refusals are answers too.
            if let Ok(operation) = begun {
                sleep(Duration::from_millis(dice.roll(1500))).await;
                if dice.roll(3) == 0 {
                    let _called_off_or_too_late = world.cancel(operation.id).await;
                }
            }
            world.builder.heal();
            world.settled().await;
            world.crash.after(0);
            world.check().await;
            assert!(world.databases().len() <= 12, "seed {seed}, step {step}: {:?}", world.databases());
        }
    }
}

fn disturb(dice: &mut Dice, world: &World) {
    const STEPS: [StepName; 6] =
        [StepName::CreateDatabase, StepName::CopyRows, StepName::Verify, StepName::Admit, StepName::ShutOut, StepName::DropDatabase];
    match dice.roll(4) {
        0 => world.builder.fail(STEPS[usize::try_from(dice.roll(6)).unwrap()], Failing::Once),
        1 => world.builder.fail(STEPS[usize::try_from(dice.roll(6)).unwrap()], Failing::ForGood),
        2 => world.crash.after(i64::try_from(dice.roll(20)).unwrap() + 1),
        _ => {}
    }
}
