"""Problem -> proven plan -> report."""
