"""What the notebooks share: reading a result folder, intervals and ratios, a figure's looks."""
