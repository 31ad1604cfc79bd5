"""The costs that grow, each beside what a user would otherwise pick, as ratios in one run."""
