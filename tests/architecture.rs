//! Holds the house to its plan: who may know whom, what lies at the top, how files look, whether documentation leads where it says.

mod architecture {
    mod codes;
    mod docs;
    mod imports;
    mod tree;
}
