"""When each invoice is paid: the days to payment as a distribution, with what is known of the customer's habits as of then."""

from funnelcast.families.payment_delay.development import FAMILY, PaymentDelayFamily

__all__ = ["FAMILY", "PaymentDelayFamily"]
