using System.Text.Json.Serialization;

namespace ShopMesh.Load;

// What the shop answers, as far as it is checked. Reading it this way costs some microseconds; what is not declared is skipped.
internal readonly record struct Money(decimal Amount);

internal sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor = null);

internal sealed record ListedProduct(string Id, string Name, Money Price);

internal sealed record FoundProduct(string Id, string Name, string Brand, string Description, Money Price);

internal sealed record Availability(string ProductId, int Available);

internal sealed record ShippingOption(string Id, Money Price);

internal sealed record Line(string ProductId, int Quantity, Money UnitPrice, Money LineTotal);

internal sealed record Basket(IReadOnlyList<Line> Items, Money Total);

internal sealed record CardToken(string Token);

internal sealed record Order(string Id, string Status, string? Reason, IReadOnlyList<Line> Lines, Money ItemsTotal, Money ShippingTotal, Money Total, IReadOnlyList<StatusChange> History);

internal sealed record StatusChange(string Status);

internal sealed record SignedIn([property: JsonPropertyName("access_token")] string AccessToken);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowReadingFromString, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Page<ListedProduct>))]
[JsonSerializable(typeof(Page<FoundProduct>))]
[JsonSerializable(typeof(Page<Availability>))]
[JsonSerializable(typeof(Page<ShippingOption>))]
[JsonSerializable(typeof(Page<Order>))]
[JsonSerializable(typeof(ListedProduct))]
[JsonSerializable(typeof(Basket))]
[JsonSerializable(typeof(CardToken))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(StatusChange))]
[JsonSerializable(typeof(SignedIn))]
internal sealed partial class AnswerJson : JsonSerializerContext;
