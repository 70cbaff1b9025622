"""The AI API below /v2, its authentication and `/oauth/token`: one folder for each noun."""
