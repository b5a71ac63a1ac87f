"""Functions of the database that revision 0005 makes: colours, and searches by colour."""
