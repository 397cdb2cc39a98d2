//! Operations on branches from their request to their end, over the fakes: what fails, what crashes, what is called off, and what is left of it.

mod calling_off;
mod crashing;
mod failing;
mod fakes;
mod living;
mod walking;
mod world;
