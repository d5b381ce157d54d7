//! TCP conversations out of captures, put in order the plain way, so that they can be cut anew.
