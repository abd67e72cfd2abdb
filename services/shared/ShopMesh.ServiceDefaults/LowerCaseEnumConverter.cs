using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShopMesh;

/// <summary>Statuses in JSON: <c>Submitted</c> is "submitted", <c>OutOfStock</c> "out_of_stock".</summary>
public sealed class LowerCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) where T : struct, Enum;
