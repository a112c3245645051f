"""The pure rules of incidents: no I/O, no clock, no SDK. Everything else depends on this; it depends on nothing."""
