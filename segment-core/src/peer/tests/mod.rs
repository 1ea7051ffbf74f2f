//! Inputs and the exact outputs that they lead to.
