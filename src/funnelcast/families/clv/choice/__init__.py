"""Which process is shipped: other members and groups, chosen on an earlier hold-out and judged on the newest."""
