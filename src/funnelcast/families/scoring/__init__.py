"""What churn and lead scoring share: columns to numbers, two members and their blend, calibration, reasons, leak suspects."""
