"""From choices to objects: compose, check, construct."""
