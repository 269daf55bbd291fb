"""The composition root: which parts vampd and vampctl are made of."""
