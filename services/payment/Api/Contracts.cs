using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using ShopMesh.Payment.Data;

namespace ShopMesh.Payment.Api;

/// <summary>A card as the customer types it. It goes no further than the handler: nothing of it is kept or logged but the last four digits.</summary>
public sealed record CardRequest(
    [property: Required, CardNumber] string Number,
    [property: Required, RegularExpression(@"^(0[1-9]|1[0-2])/\d{2}$", ErrorMessage = "The {0} must be of the form MM/YY.")] string Expiry,
    [property: Required, RegularExpression(@"^\d{3,4}$", ErrorMessage = "The {0} must be three or four digits.")] string Cvc,
    [property: Required, StringLength(100)] string Holder)
{
    /// <summary>Not the compiler's, which would print the number.</summary>
    public override string ToString() => nameof(CardRequest);
}

internal sealed record TokenResponse(string Token, string Brand, string Last4, string Expiry);

internal sealed record AdminPaymentResponse(
    string OrderId, string? CustomerId, PaymentStatus Status, Money Authorized, Money Captured, Money Refunded, DateTimeOffset UpdatedAt)
{
    public static AdminPaymentResponse From(OrderPayment payment) => new(
        payment.OrderId, payment.CustomerId, payment.Status, new(payment.Authorized), new(payment.Captured), new(payment.Refunded), payment.UpdatedAt);
}

[AttributeUsage(AttributeTargets.Property)]
public sealed class CardNumberAttribute() : ValidationAttribute("The {0} is not the number of a card.")
{
    public override bool IsValid(object? value) => value is not string number || CardNumber.Parse(number) is not null;
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(CardRequest))]
[JsonSerializable(typeof(TokenResponse))]
[JsonSerializable(typeof(Page<AdminPaymentResponse>))]
internal sealed partial class PaymentJson : JsonSerializerContext;
