"""Commands on files that are named: pack, unpack, headers, plain cubes, simulated nights."""
