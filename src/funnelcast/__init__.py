"""Predictive models of customers, channels, deals and cash, from a company's own facts to an answer over HTTP."""
