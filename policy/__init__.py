"""Policy packs as data, and the clock that turns them into due times."""
