//! The Model Context Protocol transport, its tools and resources.
