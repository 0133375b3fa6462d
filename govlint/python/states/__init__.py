"""States of plugins and jobs: where they are declared, held and used."""
