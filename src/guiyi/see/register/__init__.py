"""The register: channels, functions, offerings, costs, filings, platforms, attrition."""
