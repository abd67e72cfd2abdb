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
internal sealed class OrderPayment
{
    public required string OrderId { get; init; }

    public string? CustomerId { get; private set; }

    public PaymentStatus Status { get; private set; }

    /// <summary>What was authorised, in the shop's currency.</summary>
    public decimal Amount { get; private set; }

    public string? CardBrand { get; private set; }

    public string? CardLast4 { get; private set; }

    /// <summary>How often the card's bank was asked.</summary>
    public int Asked { get; private set; }

    public DateTimeOffset UpdatedAt { get; set; }

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

    /// <returns>Whether the money is taken.</returns>
    public bool Capture()
    {
        if (Status is PaymentStatus.Authorized)
            Status = PaymentStatus.Captured;
        return Status is PaymentStatus.Captured;
    }

    /// <returns>False when it is too late: the money was taken.</returns>
    public bool Void()
    {
        if (Status is PaymentStatus.Pending or PaymentStatus.Authorized)
            Status = PaymentStatus.Voided;
        return Status is not PaymentStatus.Captured;
    }

    /// <returns>False when there is nothing to give back.</returns>
    public bool Refund()
    {
        if (Status is PaymentStatus.Captured)
            Status = PaymentStatus.Refunded;
        return Status is PaymentStatus.Refunded;
    }
}
