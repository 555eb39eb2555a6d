"""Ground floor (案卷): what a complaint is and how it is kept. Imports no other room."""
