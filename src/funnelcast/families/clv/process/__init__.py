"""The processes of purchases and of spend: parameters, likelihoods, fits and expectations; numpy alone, no table of a company."""
