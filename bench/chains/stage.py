"""One process of a chain: ``python -m bench.chains.stage VARIANT INDEX HOPS PORT BYTES IDLE``, started by ``ProcessChain``.

Only the module of its own variant is imported: the others' libraries may not be there.
"""

import sys
from importlib import import_module

from bench.chains.control import Control
from bench.chains.place import Place
from bench.chains.variants import VARIANTS


def main() -> None:
    """Run until the bench has gone."""
    place = Place.of_words(sys.argv[1:])
    import_module(VARIANTS[place.variant].module).run(place, Control())


if __name__ == "__main__":
    main()
