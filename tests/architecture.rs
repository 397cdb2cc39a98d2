//! Holds the house to its plan: who may know whom, what lies at the top, how files look.

mod architecture {
    mod codes;
    mod imports;
    mod tree;
}
