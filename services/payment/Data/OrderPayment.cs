using System.Text.Json.Serialization;

namespace ShopMesh.Payment.Data;

[JsonConverter(typeof(LowerCaseEnumConverter<PaymentStatus>))]
internal enum PaymentStatus
{
    /// <summary>Asked for, and not yet answered for good.</summary>
    Pending,
    Authorized,
    Captured,
    Voided,
    Refunded,
    Declined,
}

/// <summary>The money of one order. Its transitions may be asked for twice, and answer the same.</summary>
internal sealed class OrderPayment(string orderId, string? customerId, PaymentStatus status, decimal amount, string? cardBrand, string? cardLast4, int asked)
{
    public string OrderId { get; private init; } = orderId;

    public string? CustomerId { get; private set; } = customerId;

    public PaymentStatus Status { get; private set; } = status;

    /// <summary>What was authorised, in the shop's currency.</summary>
    public decimal Amount { get; private set; } = amount;

    public string? CardBrand { get; private set; } = cardBrand;

    public string? CardLast4 { get; private set; } = cardLast4;

    /// <summary>How often the card's bank was asked.</summary>
    public int Asked { get; private set; } = asked;

    public DateTimeOffset UpdatedAt { get; private set; }

    public decimal Authorized => Status is PaymentStatus.Authorized ? Amount : 0;

    public decimal Captured => Status is PaymentStatus.Captured or PaymentStatus.Refunded ? Amount : 0;

    public decimal Refunded => Status is PaymentStatus.Refunded ? Amount : 0;

    /// <param name="token">The customer's token; null when it is unknown or another customer's.</param>
    public void Authorize(string customerId, decimal amount, PaymentToken? token, DateOnly today)
    {
        if (Status is not PaymentStatus.Pending)
            return;
        (CustomerId, CardBrand, CardLast4) = (customerId, token?.Brand, token?.Last4);
        Asked++;
        if (token is null || token.ExpiresOn < today || token.Behaviour is CardBehaviour.Decline or CardBehaviour.InsufficientFunds)
            Status = PaymentStatus.Declined;
        else if (token.Behaviour is CardBehaviour.Accept || Asked > 2)
            (Status, Amount) = (PaymentStatus.Authorized, amount);
    }

    /// <summary>Takes what is held, if anything is.</summary>
    public void Capture()
    {
        if (Status is PaymentStatus.Authorized)
            Status = PaymentStatus.Captured;
    }

    /// <summary>Lets go of what is held, unless it was taken; nothing will be held from then on.</summary>
    public void Void()
    {
        if (Status is PaymentStatus.Pending or PaymentStatus.Authorized)
            Status = PaymentStatus.Voided;
    }

    /// <summary>Gives back what was taken, if anything was.</summary>
    public void Refund()
    {
        if (Status is PaymentStatus.Captured)
            Status = PaymentStatus.Refunded;
    }
}
