"""Tokens and what they cost, before anything is sent: vocabularies, rules, prices.

Pure: it reads what it is given and the tables of this folder. It knows nothing of the rest of the
package, so that the local backend counts with the very same rules.
"""
