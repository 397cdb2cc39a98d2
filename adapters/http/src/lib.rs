//! REST over poem-openapi, and the listener that serves any poem endpoint.
