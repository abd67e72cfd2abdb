using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using ShopMesh.Ordering.Data;

namespace ShopMesh.Ordering.Api;

public sealed record OrderRequest(
    [property: Required] AddressRequest ShippingAddress,
    [property: Required, StringLength(64), Description("The id of a shipping option.")] string ShippingOption,
    [property: Required, StringLength(200), Description("A token from /api/payments/tokens, of the same customer.")] string PaymentToken,
    [property: Description("The order is refused (409) if its total is another.")] Money? ExpectedTotal);

public sealed record AddressRequest(
    [property: Required, StringLength(100)] string Name,
    [property: Required, StringLength(200)] string Line1,
    [property: StringLength(200)] string? Line2,
    [property: Required, StringLength(100)] string City,
    [property: Required, StringLength(20)] string PostalCode,
    [property: Required, Country, Description("ISO 3166-1 alpha-2.")] string Country)
{
    internal ShippingAddress ToData() => new(Name, Line1, Line2, City, PostalCode, Country.ToUpperInvariant());
}

[AttributeUsage(AttributeTargets.Property)]
public sealed class CountryAttribute() : ValidationAttribute("The {0} must be an ISO 3166-1 alpha-2 code.")
{
    public override bool IsValid(object? value) => value is not string code || CountryCodes.IsAssigned(code);
}

internal record OrderResponse(
    string Id,
    OrderStatus Status,
    string? Reason,
    IReadOnlyList<OrderLineResponse> Lines,
    Money ItemsTotal,
    Money ShippingTotal,
    Money Total,
    ShippingAddress ShippingAddress,
    string ShippingOption,
    PaymentResponse? Payment,
    DateTimeOffset CreatedAt,
    IReadOnlyList<StatusChange> History,
    ShipmentResponse? Shipment)
{
    public static OrderResponse From(Order order) => new(
        order.Id.ToString(),
        order.Status,
        order.Status is OrderStatus.Rejected ? order.Reason : null,
        [.. order.Lines.Select(line => new OrderLineResponse(line.ProductId, line.Name, line.Quantity, line.UnitPrice, line.Total))],
        new(order.ItemsTotal),
        new(order.ShippingTotal),
        new(order.Total),
        order.ShippingAddress,
        order.ShippingOption,
        order is { CardBrand: { } brand, CardLast4: { } last4 } ? new(brand, last4) : null,
        order.CreatedAt,
        order.History,
        order is { Carrier: { } carrier, TrackingNumber: { } number } ? new(carrier, number) : null);
}

internal sealed record OrderLineResponse(string ProductId, string Name, int Quantity, Money UnitPrice, Money LineTotal);

internal sealed record PaymentResponse(string Brand, string Last4);

internal sealed record ShipmentResponse(string Carrier, string TrackingNumber);

/// <summary>What an admin sees of an order besides.</summary>
internal sealed record AdminOrderResponse(OrderResponse Order, string CustomerId, DateTimeOffset UpdatedAt, int Attempts, string? LastError) : OrderResponse(Order)
{
    [JsonIgnore]
    public OrderResponse Order { get; } = Order;
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(OrderRequest))]
[JsonSerializable(typeof(OrderResponse))]
[JsonSerializable(typeof(Page<OrderResponse>))]
[JsonSerializable(typeof(Page<AdminOrderResponse>))]
[JsonSerializable(typeof(StatusChange))]
[JsonSerializable(typeof(List<OrderLine>))]
[JsonSerializable(typeof(List<StatusChange>))]
[JsonSerializable(typeof(ShippingAddress))]
internal sealed partial class OrderingJson : JsonSerializerContext;
