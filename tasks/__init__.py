"""What a host should be, one concern a file, each a function of the settings. HOW is provision's business."""
