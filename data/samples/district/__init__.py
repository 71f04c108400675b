"""The plan of Lindenau am Wehr, a made town quarter, and what is needed to write it as German offices deliver it."""
