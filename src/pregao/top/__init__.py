"""The system on one screen: what there is to see (`frame`), where it comes from (`source`), how it looks (`screen`)."""
